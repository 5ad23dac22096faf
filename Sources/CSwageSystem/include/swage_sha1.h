#ifndef SWAGE_SHA1_H
#define SWAGE_SHA1_H

#include <stddef.h>
#include <stdint.h>

/// SHA-1 (FIPS 180-4) of bytes that come in pieces: how git names what it keeps. It is no proof against those who mean
/// to deceive.
typedef struct {
    uint32_t state[5];
    uint64_t length;
    uint8_t rest[64];
} swage_sha1;

void swage_sha1_begin(swage_sha1 *digest);
void swage_sha1_add(swage_sha1 *digest, const void *bytes, size_t count);
/// Writes the 20 bytes of the digest. `digest` has to begin again after that.
void swage_sha1_end(swage_sha1 *digest, uint8_t *out);

#endif
