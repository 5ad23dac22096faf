#ifndef SWAGE_CRC32_H
#define SWAGE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/// CRC-32 (ISO 3309, as zlib has it) of bytes that come in pieces: 0 before the first, then what the piece before gave.
uint32_t swage_crc32(uint32_t crc, const void *bytes, size_t count);

/// The same without special instructions.
uint32_t swage_crc32_by_table(uint32_t crc, const void *bytes, size_t count);

#endif
