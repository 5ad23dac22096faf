#include "include/swage_crc32.h"

#include <string.h>

// What a byte does to the remainder, and what it does with 1 to 15 bytes behind it ("slicing", Kounavis and Berry,
// 2008).
static uint32_t table[16][256];

__attribute__((constructor)) static void fill(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t rest = byte;
        for (int bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >> 1) ^ 0xEDB88320u : rest >> 1;
        table[0][byte] = rest;
    }
    for (int behind = 1; behind < 16; behind++)
        for (int byte = 0; byte < 256; byte++)
            table[behind][byte] = (table[behind - 1][byte] >> 8) ^ table[0][table[behind - 1][byte] & 0xFF];
}

/// The remainder after bytes, from the remainder before them.
static uint32_t divide(uint32_t rest, const uint8_t *byte, size_t count) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; count >= 16; byte += 16, count -= 16) {
        uint32_t words[4];
        memcpy(words, byte, 16);
        words[0] ^= rest;
        rest = 0;
        for (int word = 0; word < 4; word++)
            for (int place = 0; place < 4; place++)
                rest ^= table[15 - 4 * word - place][(words[word] >> (8 * place)) & 0xFF];
    }
#endif
    for (; count > 0; byte++, count--) rest = (rest >> 8) ^ table[0][(rest ^ *byte) & 0xFF];
    return rest;
}

uint32_t swage_crc32_by_table(uint32_t crc, const void *bytes, size_t count) { return ~divide(~crc, bytes, count); }

#if defined(__x86_64__)

#include <immintrin.h>

#define CARRYLESS __attribute__((target("pclmul,sse4.1")))

/// Moves a lane to where `ahead` is, over as many bits as the two powers of x in `powers` say.
CARRYLESS static inline __m128i fold(__m128i lane, __m128i powers, __m128i ahead) {
    __m128i low = _mm_clmulepi64_si128(lane, powers, 0x00), high = _mm_clmulepi64_si128(lane, powers, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), ahead);
}

CARRYLESS static inline __m128i load(const uint8_t *bytes) { return _mm_loadu_si128((const __m128i *)bytes); }

/// Four lanes of 16 bytes move over the bytes, and leave what has the same remainder ("Fast CRC Computation for Generic
/// Polynomials Using PCLMULQDQ Instruction", Gopal and others, 2009).
CARRYLESS static uint32_t divide_by_folding(uint32_t rest, const uint8_t *byte, size_t count) {
    // x^(512 + 32), x^(512 - 32) and x^(128 + 32), x^(128 - 32) modulo the polynomial, bits reversed.
    const __m128i over_four = _mm_set_epi64x(0x1C6E41596, 0x154442BD4),
                  over_one = _mm_set_epi64x(0x0CCAA009E, 0x1751997D0);
    __m128i lanes[4];
    for (int i = 0; i < 4; i++) lanes[i] = load(byte + 16 * i);
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128((int)rest));
    for (byte += 64, count -= 64; count >= 64; byte += 64, count -= 64)
        for (int i = 0; i < 4; i++) lanes[i] = fold(lanes[i], over_four, load(byte + 16 * i));
    __m128i lane = lanes[0];
    for (int i = 1; i < 4; i++) lane = fold(lane, over_one, lanes[i]);
    for (; count >= 16; byte += 16, count -= 16) lane = fold(lane, over_one, load(byte));
    uint8_t folded[16];
    memcpy(folded, &lane, 16);
    return divide(divide(0, folded, 16), byte, count);
}

uint32_t swage_crc32(uint32_t crc, const void *bytes, size_t count) {
    if (count < 64 || !__builtin_cpu_supports("pclmul") || !__builtin_cpu_supports("sse4.1")) {
        return swage_crc32_by_table(crc, bytes, count);
    }
    return ~divide_by_folding(~crc, bytes, count);
}

#else

uint32_t swage_crc32(uint32_t crc, const void *bytes, size_t count) { return swage_crc32_by_table(crc, bytes, count); }

#endif
