#include "swage_sha1.h"

#include <string.h>

static uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

static void block(uint32_t *state, const uint8_t *bytes) {
    uint32_t w[80];
    for (int t = 0; t < 16; t++)
        w[t] = (uint32_t)bytes[4 * t] << 24 | (uint32_t)bytes[4 * t + 1] << 16 | (uint32_t)bytes[4 * t + 2] << 8 |
               bytes[4 * t + 3];
    for (int t = 16; t < 80; t++) w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int t = 0; t < 80; t++) {
        uint32_t f, k;
        if (t < 20) {
            f = (b & c) | (~b & d), k = 0x5a827999;
        } else if (t < 40) {
            f = b ^ c ^ d, k = 0x6ed9eba1;
        } else if (t < 60) {
            f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
        } else {
            f = b ^ c ^ d, k = 0xca62c1d6;
        }
        uint32_t next = rotate(a, 5) + f + e + k + w[t];
        e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

void swage_sha1_begin(swage_sha1 *digest) {
    static const uint32_t start[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    memcpy(digest->state, start, sizeof start);
    digest->length = 0;
}

void swage_sha1_add(swage_sha1 *digest, const void *bytes, size_t count) {
    const uint8_t *next = bytes;
    size_t held = digest->length % 64;
    digest->length += count;
    if (held > 0) {
        size_t part = count < 64 - held ? count : 64 - held;
        if (part > 0) memcpy(digest->rest + held, next, part);
        if (held + part < 64) return;
        block(digest->state, digest->rest);
        next += part, count -= part;
    }
    for (; count >= 64; next += 64, count -= 64) block(digest->state, next);
    if (count > 0) memcpy(digest->rest, next, count);
}

void swage_sha1_end(swage_sha1 *digest, uint8_t *out) {
    uint64_t bits = digest->length * 8;
    static const uint8_t padding[64] = {0x80};
    swage_sha1_add(digest, padding, 64 - (digest->length + 8) % 64);
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)(bits >> (56 - 8 * i));
    swage_sha1_add(digest, length, 8);
    for (int i = 0; i < 20; i++) out[i] = (uint8_t)(digest->state[i / 4] >> (24 - 8 * (i % 4)));
}
