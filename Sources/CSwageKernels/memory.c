#include "swage_memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { cache_line = 64, huge_page = 1 << 21 };

static size_t size_in_bytes(size_t count) { return (count * sizeof(float) + cache_line - 1) / cache_line * cache_line; }

/// Whole huge pages at their alignment, so that the system can use them: faults cost as much as arithmetic otherwise.
static void *map_huge_pages(size_t bytes) {
    size_t mapped = bytes + huge_page;
    uint8_t *begin = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (begin == MAP_FAILED) return NULL;
    uint8_t *aligned = (uint8_t *)(((uintptr_t)begin + huge_page - 1) & ~(uintptr_t)(huge_page - 1));
    if (aligned > begin) munmap(begin, (size_t)(aligned - begin));
    size_t rest = (size_t)(begin + mapped - aligned) - bytes;
    if (rest) munmap(aligned + bytes, rest);
#ifdef MADV_HUGEPAGE
    madvise(aligned, bytes, MADV_HUGEPAGE);
#endif
    return aligned;
}

static size_t page_multiple(size_t bytes) { return (bytes + huge_page - 1) & ~(size_t)(huge_page - 1); }

float *swage_memory_reserve(size_t count) {
    size_t bytes = size_in_bytes(count ? count : 1);
    if (bytes >= huge_page) return map_huge_pages(page_multiple(bytes));
    void *memory = NULL;
    if (posix_memalign(&memory, cache_line, bytes) != 0) return NULL;
    return memset(memory, 0, bytes);
}

void swage_memory_release(float *memory, size_t count) {
    size_t bytes = size_in_bytes(count ? count : 1);
    if (bytes >= huge_page)
        munmap(memory, page_multiple(bytes));
    else
        free(memory);
}

void swage_memory_offer(float *memory, size_t count) {
    size_t bytes = size_in_bytes(count ? count : 1);
#ifdef MADV_FREE
    // The rest of the last page may be somebody else's where the buffer is small.
    if (bytes >= huge_page) madvise(memory, page_multiple(bytes), MADV_FREE);
#endif
}

void swage_memory_prefetch(const float *memory, size_t count) {
    for (size_t i = 0; i < count; i += cache_line / sizeof(float)) __builtin_prefetch(memory + i, 0, 2);
}
