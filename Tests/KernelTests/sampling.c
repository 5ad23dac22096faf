#include "swage_kernels.h"

#include <math.h>

#include "check.h"
#include "tests.h"

static void exponentials(size_t count, float inverse_temperature) {
    begin_case("swage_exponentials", "count %zu, 1 / temperature %g", count, (double)inverse_temperature);
    float *logits = random_floats(count), *weights = unwritten(count);
    double top = -INFINITY, *expected = zeros(count);
    for (size_t i = 0; i < count; i++) top = fmax(top, logits[i]);
    for (size_t i = 0; i < count; i++) expected[i] = exp((logits[i] - top) * inverse_temperature);
    swage_exponentials(logits, weights, count, inverse_temperature);
    expect_close("weights", weights, expected, NULL, count, 1e-5);
}

static void largest(size_t count) {
    begin_case("swage_largest", "count %zu", count);
    float *x = unwritten(count);
    // Whole numbers, so that the largest is often there more than once.
    for (size_t i = 0; i < count; i++) x[i] = only_zeros ? 0 : (float)random_size(0, 1 + count / 3) - 100;
    for (int round = 0; round < 2; round++) {
        size_t first = 0, found = swage_largest(x, count);
        for (size_t i = 1; i < count; i++)
            if (x[i] > x[first]) first = i;
        expect(found == first, "the largest is at %zu, not at %zu", found, first);
        x[count - 1] = 1;
    }
}

// The numbers behind a race are the same on every machine, and so are the tokens that a seed draws.
static uint32_t mixed(uint32_t low, uint32_t high, uint32_t index) {
    uint32_t x = index * 0x9E3779B1u ^ low;
    for (int round = 0; round < 2; round++) {
        x = (x ^ x >> 16) * 0x85EBCA6Bu;
        x = (x ^ x >> 13) * 0xC2B2AE35u;
        x = (x ^ x >> 16) + high;
    }
    return x;
}

static void race(size_t count) {
    begin_case("swage_race", "count %zu", count);
    uint64_t key = random_bits();
    float *weights = random_floats(count);
    double *expected = zeros(count), *magnitude = zeros(count);
    for (size_t i = 0; i < count; i++) {
        weights[i] = expf(3 * weights[i]) * (only_zeros ? 0.0f : 1.0f);
        float uniform = ((float)mixed((uint32_t)key, (uint32_t)(key >> 32), (uint32_t)i) + 0.5f) * 0x1p-32f;
        expected[i] = weights[i] / -log1p(-fmin(uniform, 1 - 0x1p-33));
        magnitude[i] = fabs(expected[i]);
    }
    swage_race(weights, count, key);
    expect_close("weights", weights, expected, magnitude, count, 1e-6);
}

/// Frequencies of winners against the weights' shares, within five standard errors.
static void chances(void) {
    enum { count = 12, draws = 20000 };
    begin_case("swage_race", "%d draws", draws);
    const float weights[count] = {0.5f, 0, 0.25f, 0.2f, 0.03f, 0.009f, 0.001f, 0.002f, 0.002f, 0.002f, 0.002f, 0.002f};
    int wins[count] = {0};
    for (int draw = 0; draw < draws; draw++) {
        float raced[count];
        for (int i = 0; i < count; i++) raced[i] = weights[i];
        swage_race(raced, count, random_bits());
        wins[swage_largest(raced, count)]++;
    }
    for (int i = 0; i < count; i++) {
        double chance = weights[i], found = wins[i] / (double)draws, error = sqrt(chance * (1 - chance) / draws);
        expect(fabs(found - chance) <= 5 * error, "weight %d wins %g of all races, not %g", i, found, chance);
    }
}

/// Sums that are rounded otherwise leave the winner alone.
static void noise(void) {
    enum { count = 500, races = 300 };
    begin_case("swage_race", "%d races with a little noise", races);
    int moved = 0;
    float *weights = unwritten(count), *noisy = unwritten(count);
    for (int draw = 0; draw < races; draw++) {
        uint64_t key = random_bits();
        for (size_t i = 0; i < count; i++) {
            weights[i] = expf((float)random_size(0, 12000) / 1000 - 6);
            noisy[i] = weights[i] * (1 + 1e-5f * ((float)random_size(0, 4000) / 1000 - 2));
        }
        swage_race(weights, count, key);
        swage_race(noisy, count, key);
        if (swage_largest(weights, count) != swage_largest(noisy, count)) moved++;
    }
    expect(moved <= 1, "%d of %d winners moved", moved, races);
}

void test_sampling(void) {
    exponentials(0, 1);
    for (size_t i = 0; i < size_count; i++) {
        exponentials(sizes[i], 1);
        exponentials(sizes[i], 2);
        exponentials(sizes[i], 60);
        largest(sizes[i]);
        race(sizes[i]);
    }
    race(5000);
    if (only_zeros) return;
    chances();
    noise();
}
