#include "port/map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port/err.h"
#include "port/fd.h"

size_t weft__page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

weft_err weft__stack_map(size_t size, void **low)
{
    size_t page = weft__page_size();
    char *at = mmap(NULL, size + page, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (at == MAP_FAILED)
        return weft__fail(
            WEFT_NOMEM,
            "stack of %zu bytes: no address space or too many mappings; use fewer tasks "
            "at a time or raise vm.max_map_count",
            size);
    /* Splitting off the guard page makes a mapping more, which is where vm.max_map_count ends it. */
    if (mprotect(at, page, PROT_NONE) != 0) {
        munmap(at, size + page);
        return weft__fail(
            WEFT_NOMEM,
            "stack of %zu bytes: no mapping left for its guard page; use fewer tasks at "
            "a time or raise vm.max_map_count",
            size);
    }
    *low = at + page;
    return WEFT_OK;
}

void weft__stack_unmap(void *low, size_t size)
{
    size_t page = weft__page_size();
    munmap((char *)low - page, size + page);
}

weft_err weft__shmem_create(const char *label, size_t size, int *fd)
{
    int f = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (f < 0)
        return weft__sys_error(errno, "shared memory", label);
    if (ftruncate(f, (off_t)size) != 0 ||
        fcntl(f, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        weft_err e = weft__sys_error(errno, "shared memory", label);
        close(f);
        return e;
    }
    *fd = f;
    return WEFT_OK;
}

weft_err weft__shmem_commit(int fd, size_t offset, size_t size)
{
    int r;
    do {
        r = fallocate(fd, 0, (off_t)offset, (off_t)size);
    } while (r != 0 && errno == EINTR);
    if (r == 0)
        return WEFT_OK;
    if (errno == ENOSPC || errno == ENOMEM)
        return weft__fail(WEFT_NOMEM, "shared memory: no room for %zu bytes more", size);
    return weft__sys_error(errno, "shared memory", "fallocate");
}

weft_err weft__shmem_map(int fd, void **at, size_t *size)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (fstat(fd, &st) != 0 || seals < 0 || !(seals & F_SEAL_SHRINK) || st.st_size <= 0)
        return weft__fail(WEFT_INVALID, "shared memory: descriptor %d is no sealed segment", fd);
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return weft__fail(WEFT_NOMEM, "shared memory: %lld bytes cannot be mapped",
                          (long long)st.st_size);
    *at = p;
    *size = (size_t)st.st_size;
    return WEFT_OK;
}

void weft__shmem_unmap(void *at, size_t size)
{
    munmap(at, size);
}
