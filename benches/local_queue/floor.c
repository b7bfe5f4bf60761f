// Runs a command a number of times, some at once: posix_spawn and wait, nothing else.
//
// Two at once with an empty environment it is the floor, the least that running the jobs can
// cost. One at a time it is the loop that calls a tool once a job, so that no shell is measured.
//
// usage: floor JOBS AT_ONCE /path/of/command [argument ...]

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: floor JOBS AT_ONCE /path/of/command [argument ...]\n");
        return 2;
    }
    long jobs = strtol(argv[1], NULL, 10);
    long at_once = strtol(argv[2], NULL, 10);
    long started = 0;
    long running = 0;
    while (started < jobs || running > 0) {
        while (started < jobs && running < at_once) {
            pid_t pid;
            int error = posix_spawn(&pid, argv[3], NULL, NULL, argv + 3, environ);
            if (error != 0) {
                fprintf(stderr, "floor: cannot start %s: %s\n", argv[3], strerror(error));
                return 1;
            }
            started++;
            running++;
        }
        int status;
        if (wait(&status) < 0) {
            if (errno == EINTR) continue;
            perror("floor: wait");
            return 1;
        }
        running--;
        if (status != 0) {
            fprintf(stderr, "floor: %s failed\n", argv[3]);
            return 1;
        }
    }
    return 0;
}
