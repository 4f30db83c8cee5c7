#include "url.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool has_port(const char *host)
{
    const char *after = strrchr(host, ']');
    return strchr(after ? after : host, ':') != NULL;
}

const char *url_parse(url *u, const char *text)
{
    static const char scheme[] = "http://";
    const size_t n = sizeof scheme - 1;
    if (strncasecmp(text, scheme, n) != 0)
        return "no http:// URL";
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c <= ' ' || *c == 0x7f)
            return "a space or a control character in it";
    const char *host = text + n, *path = host + strcspn(host, "/?#");
    size_t host_len = (size_t)(path - host), path_len = strcspn(path, "#");
    if (host_len == 0)
        return "no host in it";
    if (memchr(host, '@', host_len) != NULL)
        return "a user's name in it, which is not supported";
    if (host_len >= sizeof u->host || path_len + 1 >= sizeof u->target)
        return "too long";
    snprintf(u->host, sizeof u->host, "%.*s", (int)host_len, host);
    snprintf(u->dial, sizeof u->dial, "%s%s", u->host, has_port(u->host) ? "" : ":80");
    snprintf(u->target, sizeof u->target, "%s%.*s", *path == '/' ? "" : "/", (int)path_len, path);
    const char *query = strchrnul(u->target, '?'), *last = query;
    while (last[-1] != '/')
        last--;
    int len = (int)(query - last);
    bool plain = len > 0 && len < URL_NAME && strncmp(last, "..", (size_t)len) != 0;
    snprintf(u->name, sizeof u->name, "%.*s", plain ? len : 10, plain ? last : "index.html");
    return NULL;
}
