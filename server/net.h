/* Sockets: the one that listens, and the one of `gradd probe`. */
#ifndef GD_NET_H
#define GD_NET_H

#include <stdbool.h>
#include <stddef.h>

enum { GD_NET_TEXT = 512 };

/* A non-blocking listening socket, or -1 with one line about why in error. Port 0 takes a free
 * one. On success `url` holds "http://127.0.0.1:8080" with the real port. */
int gd_net_listen(const char *host, size_t port, char url[GD_NET_TEXT], char error[GD_NET_TEXT]);

/* Whether a GET of path at host and port answers 200 within the time; otherwise one line about why
 * not is in error. Addresses that stand for all (0.0.0.0, ::) mean this machine. */
bool gd_net_probe(const char *host, size_t port, const char *path, int timeout_ms,
                  char error[GD_NET_TEXT]);

#endif
