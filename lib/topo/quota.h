/* topo/quota.h: how many CPUs the time that a control group grants comes to. */
#ifndef WEFT_TOPO_QUOTA_H
#define WEFT_TOPO_QUOTA_H

/* CPUs, rounded up, that the tightest limit on the way from this process's group to the root grants;
 * 0: no limit. `membership` is the text of /proc/self/cgroup, `root` where the groups are mounted. */
int weft__quota_of(const char *root, const char *membership);

/* The same of this process on this machine. */
int weft__quota_here(void);

#endif
