#include "swage_memory.h"

#include "check.h"
#include "tests.h"

static const size_t huge_page = (1 << 21) / sizeof(float);

static bool holds(const float *memory, size_t count, float number) {
    for (size_t i = 0; i < count; i++)
        if (memory[i] != number) return false;
    return true;
}

static void reserve(size_t count) {
    begin_case("swage_memory_reserve", "count %zu", count);
    float *memory = swage_memory_reserve(count);
    expect(memory != NULL, "there is none");
    if (!memory) return;
    expect((uintptr_t)memory % 64 == 0, "it begins at %p", (void *)memory);
    expect(holds(memory, count, 0), "it is not 0");
    for (size_t i = 0; i < count; i++) memory[i] = 3;
    // What comes next lies elsewhere, and is 0 although memory of that size has just been written and given back.
    float *other = swage_memory_reserve(count);
    expect(other && holds(other, count, 0), "the second is not 0");
    expect(holds(memory, count, 3), "the second lies in the first");

    begin_case("swage_memory_prefetch", "count %zu", count);
    swage_memory_prefetch(memory, count);
    expect(holds(memory, count, 3), "the numbers have changed");

    begin_case("swage_memory_release", "count %zu", count);
    swage_memory_release(memory, count);
    swage_memory_release(other, count);
    float *again = swage_memory_reserve(count);
    expect(again && holds(again, count, 0), "what was given back comes again and is not 0");
    swage_memory_release(again, count);
}

void test_memory(void) {
    const size_t counts[] = {
        0, 1, 15, 16, 17, 1000, huge_page - 17, huge_page - 16, huge_page, huge_page + 1, 3 * huge_page};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) reserve(counts[i]);

    begin_case("swage_memory_reserve", "more than there is");
    expect(swage_memory_reserve((size_t)1 << 60) == NULL, "it was given");
    begin_case("swage_memory_prefetch", "nothing");
    swage_memory_prefetch(NULL, 0);
}
