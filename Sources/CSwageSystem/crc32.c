#include "include/swage_crc32.h"

#include <string.h>

// What a byte does to the remainder, and what it does with 1 to 15 bytes behind it ("slicing", Kounavis and Berry, 2008).
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

uint32_t swage_crc32(uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *byte = bytes;
    crc = ~crc;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; count >= 16; byte += 16, count -= 16) {
        uint32_t words[4];
        memcpy(words, byte, 16);
        words[0] ^= crc;
        crc = 0;
        for (int word = 0; word < 4; word++)
            for (int place = 0; place < 4; place++)
                crc ^= table[15 - 4 * word - place][(words[word] >> (8 * place)) & 0xFF];
    }
#endif
    for (; count > 0; byte++, count--) crc = (crc >> 8) ^ table[0][(crc ^ *byte) & 0xFF];
    return ~crc;
}
