#ifndef SWAGE_HTTP_H
#define SWAGE_HTTP_H

#include <stddef.h>

/// A connection, or several, that requests are sent over one after another.
typedef struct swage_http swage_http;

/// What is asked for, and who hears of the answer.
typedef struct {
    const char *url;
    /// Whether the answer's headers are all that is asked for.
    int is_head;
    /// Lines such as "Range: bytes=100-".
    const char *const *headers;
    size_t header_count;
    /// How long to wait for a connection, and for the next byte.
    long connect_seconds, idle_seconds;
    /// A PEM file of the authorities that are trusted; NULL for those of the system.
    const char *authorities;
    void *context;
    /// Each line of the answer's head, without its end.
    void (*on_header)(void *context, const char *line, size_t count);
    /// A piece of the body. Anything but 0 ends the transfer. The next piece waits until this returns.
    int (*on_body)(void *context, const void *bytes, size_t count);
    /// Asked about once a second, and whenever something comes. Anything but 0 ends the transfer.
    int (*is_cancelled)(void *context);
} swage_http_request;

/// What became of a transfer.
enum {
    SWAGE_HTTP_DONE = 0,
    /// There is no such host, or nobody listens there.
    SWAGE_HTTP_UNREACHABLE = 1,
    /// The connection broke, or nothing came for too long.
    SWAGE_HTTP_BROKEN = 2,
    /// `on_body` or `is_cancelled` has ended it.
    SWAGE_HTTP_ENDED = 3,
    /// It makes no sense to ask again: the address, the certificate.
    SWAGE_HTTP_REFUSED = 4,
};

/// Opens the system's libcurl, the first time, and makes a connection's state. NULL where there is no libcurl.
swage_http *swage_http_open(void);
void swage_http_close(swage_http *http);

/// Sends a request, waits for the whole answer, and follows no redirection.
/// `message` gets what went wrong, in at most 256 bytes.
int swage_http_send(swage_http *http, const swage_http_request *request, char *message);

#endif
