/* cpu.c - ask the processor, and the operating system's consent.
 *
 * A feature counts only when XCR0 says that the system saves its registers:
 * bits 1-2 for AVX, 5-7 for AVX-512, 17-18 for AMX (Intel SDM vol. 1, 13.3). */
#include "runtime/cpu.h"

#include "tfm/plugin.h"

#include <stdlib.h>
#include <string.h>

bool cpu_has(const uint64_t features[4], unsigned feature) {
  return feature < 256 && (features[feature / 64] >> (feature % 64) & 1) != 0;
}

static inline void set(uint64_t features[4], unsigned feature) {
  features[feature / 64] |= UINT64_C(1) << (feature % 64);
}

#if defined(__x86_64__)
#include <cpuid.h>

static uint64_t read_xcr0(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static inline bool all(uint64_t bits, uint64_t wanted) {
  return (bits & wanted) == wanted;
}

/* Bits of CPUID leaves, Intel SDM vol. 2A. */
static void ask(uint64_t features[4]) {
  enum { FMA = 1u << 12, OSXSAVE = 1u << 27, AVX = 1u << 28, F16C = 1u << 29 }; /* 1 ecx */
  const uint32_t avx2 = 1u << 5;                                                /* 7.0 ebx */
  const uint32_t avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;            /* F, DQ, BW, VL */
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !all(c, OSXSAVE | AVX | FMA | F16C))
    return;
  uint64_t xcr0 = read_xcr0();
  if (!all(xcr0, 0x6) || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !all(b, avx2))
    return;
  set(features, TFM_CPU_X86_AVX2);
  uint32_t ecx7 = c, edx7 = d, ebx7 = b;
  if (!__get_cpuid_count(7, 1, &a, &b, &c, &d))
    a = 0;
  if (all(xcr0, 0xe6) && all(ebx7, avx512)) {
    set(features, TFM_CPU_X86_AVX512);
    if (ecx7 >> 11 & 1)
      set(features, TFM_CPU_X86_AVX512_VNNI);
    if (a >> 5 & 1)
      set(features, TFM_CPU_X86_AVX512_BF16);
  }
  if (all(xcr0, 0x60000) && (edx7 >> 24 & 1)) {
    if (edx7 >> 22 & 1)
      set(features, TFM_CPU_X86_AMX_BF16);
    if (edx7 >> 25 & 1)
      set(features, TFM_CPU_X86_AMX_INT8);
  }
}

#elif defined(__aarch64__)

#if defined(__linux__)
#include <sys/auxv.h>
#endif

/* NEON is part of the architecture; SVE is bit 22 of AT_HWCAP (asm/hwcap.h). */
static void ask(uint64_t features[4]) {
  set(features, TFM_CPU_ARM_NEON);
#if defined(__linux__)
  if (getauxval(AT_HWCAP) >> 22 & 1)
    set(features, TFM_CPU_ARM_SVE);
#endif
}

#else

static void ask(uint64_t features[4]) {
  (void)features;
}

#endif

/* Keep what the named level has; an unknown name caps nothing. */
static void cap(uint64_t features[4], const char *level) {
  uint64_t keep[4] = {0};
  if (strcmp(level, "portable") != 0) {
    set(keep, TFM_CPU_X86_AVX2);
    if (strcmp(level, "avx512") == 0) {
      set(keep, TFM_CPU_X86_AVX512);
      set(keep, TFM_CPU_X86_AVX512_VNNI);
      set(keep, TFM_CPU_X86_AVX512_BF16);
    } else if (strcmp(level, "avx2") != 0) {
      return;
    }
  }
  for (int i = 0; i < 4; i++)
    features[i] &= keep[i];
}

void cpu_features(uint64_t features[4]) {
  memset(features, 0, 4 * sizeof features[0]);
  ask(features);
  const char *level = getenv("TFM_CPU");
  if (level != NULL)
    cap(features, level);
}
