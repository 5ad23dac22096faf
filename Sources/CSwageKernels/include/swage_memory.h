#ifndef SWAGE_MEMORY_H
#define SWAGE_MEMORY_H

#include <stddef.h>

/// Memory for `count` numbers, all 0, aligned to a cache line; NULL if the system gives none.
float *swage_memory_reserve(size_t count);

/// Asks for numbers that are about to be read.
void swage_memory_prefetch(const float *memory, size_t count);

void swage_memory_release(float *memory, size_t count);

/// Lets the system take pages of it back where it needs some; what they hold is undefined until it is written anew.
void swage_memory_offer(float *memory, size_t count);

#endif
