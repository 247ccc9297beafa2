#define _GNU_SOURCE
/* How many cores are ours: what the scheduler allows, cut by the CPU quota of the control group
 * (a container with --cpus=2 on a 64-core machine must not start 64 threads). */
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "server/config.h"

/* Both numbers of "quota period" from one file or from two; false when there is no quota. */
static bool read_quota(const char *dir, const char *const files[2], double *cores)
{
	double number[2] = {0, 0};
	int found = 0;
	for (int i = 0; i < 2 && files[i]; i++) {
		char path[1024];
		if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, files[i]) >= sizeof path)
			return false;
		FILE *f = fopen(path, "re");
		if (!f)
			return false;
		found += fscanf(f, "%lf %lf", &number[found], &number[1]);
		fclose(f);
	}
	/* "max" of v2 and -1 of v1 mean no quota. */
	if (found < 2 || number[0] <= 0 || number[1] <= 0)
		return false;
	*cores = number[0] / number[1];
	return true;
}

/* A quota binds wherever it stands between our group and the root. In a container the path may be
 * the host's and not exist; the root of the mount is ours then. */
static double least_quota(const char *mount, char *group, const char *const files[2], double most)
{
	for (;;) {
		char dir[1024];
		double cores;
		if ((size_t)snprintf(dir, sizeof dir, "%s%s", mount, group) < sizeof dir &&
		    read_quota(dir, files, &cores) && cores < most)
			most = cores;
		char *slash = strrchr(group, '/');
		if (!slash)
			return most;
		*slash = '\0';
	}
}

static double quota(double most)
{
	static const char *const v1[2] = {"cpu.cfs_quota_us", "cpu.cfs_period_us"};
	static const char *const v2[2] = {"cpu.max", NULL};
	FILE *f = fopen("/proc/self/cgroup", "re");
	if (!f)
		return most;
	char line[1024];
	while (fgets(line, sizeof line, f)) {
		/* "4:cpu,cpuacct:/group" (v1) or "0::/group" (v2) */
		line[strcspn(line, "\n")] = '\0';
		char *names = strchr(line, ':');
		char *group = names ? strchr(names + 1, ':') : NULL;
		if (!group)
			continue;
		*group++ = '\0';
		char list[512];
		snprintf(list, sizeof list, ",%s,", names + 1);
		if (names[1] == '\0')
			most = least_quota("/sys/fs/cgroup", group, v2, most);
		else if (strstr(list, ",cpu,"))
			most = least_quota("/sys/fs/cgroup/cpu", group, v1, most);
	}
	fclose(f);
	return most;
}

size_t gd_cores(void)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
	double cores = quota(n);
	size_t whole = (size_t)cores;
	if (whole < cores)
		whole++;
	return whole ? whole : 1;
}
