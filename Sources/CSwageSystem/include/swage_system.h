#ifndef SWAGE_SYSTEM_H
#define SWAGE_SYSTEM_H

#include "swage_crc32.h"
#include "swage_http.h"
#include "swage_sha1.h"
#include "swage_sha256.h"

/// Exchanges what two paths name, in one step. Returns 0, or -1 with errno set.
int swage_exchange(const char *a, const char *b);

/// Has the system begin to write to the disk what a file has in memory, where it can, and waits for nothing.
void swage_start_flushing(int descriptor);

/// The path of the program or library that this code was linked into, as it was started or loaded; NULL if it is not
/// known.
const char *swage_image_path(void);

#endif
