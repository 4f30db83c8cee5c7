/* url.h: what an http:// URL says. */
#ifndef URL_H
#define URL_H

enum { URL_HOST = 256, URL_TARGET = 2048, URL_NAME = 128 };

typedef struct url {
    char host
        [URL_HOST]; /* as a request's Host header has it: a name or address, maybe with a port */
    char dial[URL_HOST + 3]; /* as weft_dial wants it: always with a port */
    char target[URL_TARGET]; /* the path and the query */
    char name[URL_NAME]; /* of the file to keep it in: the last part of the path, or index.html */
} url;

/* Take `text` to pieces.
 * Returns NULL, or what is wrong with it. */
const char *url_parse(url *u, const char *text);

#endif
