#include "swage_http.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// libcurl is opened when something is downloaded, and not before: it brings some thirty libraries, which take longer to
// load than a command of ours takes to answer. Its numbers are part of its ABI, and do not change.
enum {
    OPTION_WRITEDATA = 10001,
    OPTION_URL = 10002,
    OPTION_ERRORBUFFER = 10010,
    OPTION_LOW_SPEED_LIMIT = 19,
    OPTION_LOW_SPEED_TIME = 20,
    OPTION_HTTPHEADER = 10023,
    OPTION_HEADERDATA = 10029,
    OPTION_NOPROGRESS = 43,
    OPTION_NOBODY = 44,
    OPTION_XFERINFODATA = 10057,
    OPTION_CAINFO = 10065,
    OPTION_CONNECTTIMEOUT = 78,
    OPTION_NOSIGNAL = 99,
    OPTION_PROTOCOLS = 181,
    OPTION_TCP_KEEPALIVE = 213,
    OPTION_WRITEFUNCTION = 20011,
    OPTION_HEADERFUNCTION = 20079,
    OPTION_XFERINFOFUNCTION = 20219,
};

struct list;

static struct {
    int (*global_init)(long);
    void *(*init)(void);
    void (*cleanup)(void *);
    void (*reset)(void *);
    int (*set)(void *, int, ...);
    int (*perform)(void *);
    const char *(*error)(int);
    struct list *(*append)(struct list *, const char *);
    void (*free_all)(struct list *);
    int is_open;
} curl;

static void open_curl(void) {
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so",
                                        "/usr/lib/libcurl.4.dylib"};
    void *library = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    struct {
        void **place;
        const char *name;
    } symbols[] = {
        {(void **)&curl.global_init, "curl_global_init"}, {(void **)&curl.init, "curl_easy_init"},
        {(void **)&curl.cleanup, "curl_easy_cleanup"},    {(void **)&curl.reset, "curl_easy_reset"},
        {(void **)&curl.set, "curl_easy_setopt"},         {(void **)&curl.perform, "curl_easy_perform"},
        {(void **)&curl.error, "curl_easy_strerror"},     {(void **)&curl.append, "curl_slist_append"},
        {(void **)&curl.free_all, "curl_slist_free_all"},
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        *symbols[i].place = dlsym(library, symbols[i].name);
        if (!*symbols[i].place) return;
    }
    // Everything, TLS included.
    curl.is_open = curl.global_init(3) == 0;
}

struct swage_http {
    void *easy;
};

swage_http *swage_http_open(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_curl);
    if (!curl.is_open) return NULL;
    swage_http *http = malloc(sizeof *http);
    if (!http) return NULL;
    http->easy = curl.init();
    if (http->easy) return http;
    free(http);
    return NULL;
}

void swage_http_close(swage_http *http) {
    if (!http) return;
    curl.cleanup(http->easy);
    free(http);
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context) {
    const swage_http_request *request = context;
    size_t length = size * count;
    while (length > 0 && (bytes[length - 1] == '\r' || bytes[length - 1] == '\n')) length--;
    request->on_header(request->context, bytes, length);
    return size * count;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
    const swage_http_request *request = context;
    return request->on_body(request->context, bytes, size * count) == 0 ? size * count : 0;
}

static int ask(void *context, int64_t a, int64_t b, int64_t c, int64_t d) {
    (void)a, (void)b, (void)c, (void)d;
    const swage_http_request *request = context;
    return request->is_cancelled(request->context);
}

static int outcome(int code) {
    switch (code) {
        case 0:
            return SWAGE_HTTP_DONE;
        case 5:
        case 6:
        case 7:
            return SWAGE_HTTP_UNREACHABLE;
        case 23:
        case 42:
            return SWAGE_HTTP_ENDED;
        // An address or a protocol that is none, a certificate, what this libcurl cannot do.
        case 1:
        case 2:
        case 3:
        case 4:
        case 35:
        case 58:
        case 60:
        case 77:
        case 27:
            return SWAGE_HTTP_REFUSED;
        default:
            return SWAGE_HTTP_BROKEN;
    }
}

int swage_http_send(swage_http *http, const swage_http_request *request, char *message) {
    void *easy = http->easy;
    message[0] = 0;
    curl.reset(easy);
    struct list *headers = NULL;
    for (size_t i = 0; i < request->header_count; i++) {
        struct list *longer = curl.append(headers, request->headers[i]);
        if (!longer) break;
        headers = longer;
    }
    char details[256] = {0};
    curl.set(easy, OPTION_URL, request->url);
    curl.set(easy, OPTION_NOBODY, (long)(request->is_head != 0));
    curl.set(easy, OPTION_HTTPHEADER, headers);
    curl.set(easy, OPTION_ERRORBUFFER, details);
    // HTTP and HTTPS alone.
    curl.set(easy, OPTION_PROTOCOLS, 3L);
    curl.set(easy, OPTION_NOSIGNAL, 1L);
    curl.set(easy, OPTION_TCP_KEEPALIVE, 1L);
    curl.set(easy, OPTION_CONNECTTIMEOUT, request->connect_seconds);
    curl.set(easy, OPTION_LOW_SPEED_LIMIT, 1L);
    curl.set(easy, OPTION_LOW_SPEED_TIME, request->idle_seconds);
    if (request->authorities) curl.set(easy, OPTION_CAINFO, request->authorities);
    curl.set(easy, OPTION_HEADERFUNCTION, take_header);
    curl.set(easy, OPTION_HEADERDATA, request);
    curl.set(easy, OPTION_WRITEFUNCTION, take_body);
    curl.set(easy, OPTION_WRITEDATA, request);
    curl.set(easy, OPTION_NOPROGRESS, 0L);
    curl.set(easy, OPTION_XFERINFOFUNCTION, ask);
    curl.set(easy, OPTION_XFERINFODATA, request);
    int code = curl.perform(easy);
    if (code != 0) snprintf(message, 256, "%s", details[0] ? details : curl.error(code));
    curl.free_all(headers);
    return outcome(code);
}
