#include "swage_blas.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>

enum { row_major = 101, no_trans = 111, trans = 112 };

typedef void (*sgemm_function)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a,
                               int lda, const float *b, int ldb, float beta, float *c, int ldc);
typedef void (*job_function)(int number, void *job, int data);
typedef void (*threads_function)(int waits, job_function run, int count, size_t size, void *jobs, int data);

static sgemm_function sgemm;
static void (*set_threads)(int);
static bool uses_teams;

// OpenBLAS keeps one number of threads and one set of buffers for the process.
static pthread_mutex_t one_product = PTHREAD_MUTEX_INITIALIZER;
static int current_count;
static swage_team *current_team;

typedef struct {
    job_function run;
    char *jobs;
    size_t size;
    int data;
} share;

static void run_part(void *context, int part) {
    share *all = context;
    all->run(part, all->jobs + (size_t)part * all->size, all->data);
}

/// OpenBLAS calls this from within a product instead of waking threads of its own, which would go on looking for work
/// on the cores that the next kernel needs. Its parts wait for each other, so all of them have to run at once.
static void run_on_team(int waits, job_function run, int count, size_t size, void *jobs, int data) {
    (void)waits;
    share all = {run, jobs, size, data};
    swage_team_run(current_team, count, run_part, &all);
}

static void *find(void *library, const char *name) {
    // The wheel of scipy-openblas32 puts a prefix before every name.
    char prefixed[64];
    snprintf(prefixed, sizeof prefixed, "scipy_%s", name);
    void *symbol = dlsym(library, prefixed);
    return symbol ? symbol : dlsym(library, name);
}

const char *swage_blas_bind(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return dlerror();
    sgemm = (sgemm_function)find(library, "cblas_sgemm");
    if (!sgemm) return "the library has no cblas_sgemm";
    set_threads = (void (*)(int))find(library, "openblas_set_num_threads");
    // OpenBLAS has it from 0.3.27 on.
    void (*set_callback)(threads_function) =
        (void (*)(threads_function))find(library, "openblas_set_threads_callback_function");
    if (set_threads) set_threads(1);
    current_count = 1;
    if (set_threads && set_callback) {
        set_callback(run_on_team);
        uses_teams = true;
    }
    // Accelerate, from macOS 15 on: 1 is BLAS_THREADING_SINGLE_THREADED.
    void (*set_threading)(unsigned) = (void (*)(unsigned))dlsym(library, "BLASSetThreading");
    if (set_threading) set_threading(1);
    return NULL;
}

bool swage_blas_uses_teams(void) { return uses_teams; }

void swage_sgemm(swage_team *team, bool transpose_a, bool transpose_b, int m, int n, int k, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc) {
    if (team) {
        pthread_mutex_lock(&one_product);
        int count = swage_team_count(team);
        if (count != current_count) set_threads(current_count = count);
        current_team = team;
    }
    sgemm(row_major, transpose_a ? trans : no_trans, transpose_b ? trans : no_trans, m, n, k, 1.0f, a, lda, b, ldb, beta,
          c, ldc);
    if (team) pthread_mutex_unlock(&one_product);
}
