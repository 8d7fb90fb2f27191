/* cpu.h - what this processor can do, as the bits of tfm/plugin.h. */
#ifndef TFM_RUNTIME_CPU_H
#define TFM_RUNTIME_CPU_H

#include <stdbool.h>
#include <stdint.h>

/* Fill features[4] (bit i of word i / 64 is feature i).  The operating
 * system's consent (XGETBV) is part of having a feature.  The environment
 * variable TFM_CPU=portable|avx2|avx512 caps it, for tests. */
void cpu_features(uint64_t features[4]);
bool cpu_has(const uint64_t features[4], unsigned feature);

#endif
