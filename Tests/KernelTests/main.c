#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "tests.h"

/// Takes the paths of the libraries that swage_blas_bind shall find.
int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: %s PLAIN PREFIXED LIKE_ACCELERATE\n", arguments[0]);
        return 2;
    }
    // So that a crash comes after what failed before it.
    setvbuf(stdout, NULL, _IOLBF, 0);
    // And where threads wait for each other for good, all of it ends.
    alarm(600);
    void (*const tests[])(void) = {
        test_normalization,   test_activations, test_sums,           test_attention,       test_log_probabilities,
        test_sampling,        test_optimizer,   test_block_products, test_weight_products, test_8bit_products,
        test_matrix_products, test_families,
    };
    for (int zeros = 0; zeros < 2; zeros++) {
        only_zeros = zeros;
        for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tests[i]();
    }
    only_zeros = false;
    test_memory();
    test_team();
    test_blas(arguments[1], arguments[2], arguments[3]);
    return finish_cases() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
