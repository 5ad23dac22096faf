#if defined(__linux__)
#define _GNU_SOURCE
#include <fcntl.h>
#endif

#include "include/swage_system.h"

void swage_start_flushing(int descriptor) {
#if defined(__linux__)
    // From the beginning to the end; what fails here, fsync reports.
    (void)sync_file_range(descriptor, 0, 0, SYNC_FILE_RANGE_WRITE);
#else
    (void)descriptor;
#endif
}
