#ifndef SWAGE_SHA256_H
#define SWAGE_SHA256_H

#include <stddef.h>
#include <stdint.h>

/// SHA-256 (FIPS 180-4) of bytes that come in pieces.
typedef struct {
    uint32_t state[8];
    uint64_t length;
    uint8_t rest[64];
} swage_sha256;

void swage_sha256_begin(swage_sha256 *digest);
void swage_sha256_add(swage_sha256 *digest, const void *bytes, size_t count);
/// Writes the 32 bytes of the digest. `digest` has to begin again after that.
void swage_sha256_end(swage_sha256 *digest, uint8_t *out);

/// One round of blocks of 64 bytes, in plain C: what a processor without instructions for it uses.
void swage_sha256_blocks(uint32_t *state, const uint8_t *bytes, size_t blocks);
/// The same by the processor's own instructions; 0 where it has none.
int swage_sha256_blocks_fast(uint32_t *state, const uint8_t *bytes, size_t blocks);

#endif
