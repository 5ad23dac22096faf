#define _GNU_SOURCE
#include "swage_system.h"

#include <dlfcn.h>
#include <stddef.h>

const char *swage_image_path(void) {
    Dl_info image;
    return dladdr((const void *)swage_image_path, &image) ? image.dli_fname : NULL;
}
