/* gguf_blocks.h - what gguf-py's dequantize (0.19) says of one block of each type:
 * byte j is j * 37 + 11 but for the halves, 0x1234 and 0x1334, at `half`.  sum is over
 * the elements as f16: sum * 31 + element, from 1. */
static const struct {
  uint32_t type;
  int half[2]; /* -1 = none */
  uint32_t sum;
  uint16_t first, last;
} gguf_blocks[] = {
    {2, {0, -1}, 0x349e5b1e, 0x98a7, 0x0000},    /* Q4_0 */
    {3, {0, 2}, 0x1b5371b5, 0x2244, 0x211a},     /* Q4_1 */
    {6, {0, -1}, 0x2bcc041b, 0x1efa, 0x1234},    /* Q5_0 */
    {7, {0, 2}, 0xf35586f3, 0x23d1, 0x1cc7},     /* Q5_1 */
    {8, {0, -1}, 0x13d76f32, 0x2c1f, 0xa8a7},    /* Q8_0 */
    {12, {0, 2}, 0x6eca88ac, 0x32d4, 0x24ea},    /* Q4_K */
    {13, {0, 2}, 0x10458a61, 0x38b6, 0x2c23},    /* Q5_K */
    {14, {208, -1}, 0xf90c9eaa, 0xbc56, 0xa9d1}, /* Q6_K */
};
