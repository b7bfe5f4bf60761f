// Writes what CLOCK_MONOTONIC says, in nanoseconds, to a file. Both ends of a latency:
//
//   stamp FILE                         the job: the time of its first instruction
//   stamp FILE /path/of/command ...    the launcher: the time right before it starts the command,
//                                      whose exit status becomes its own

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

int main(int argc, char **argv) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (argc < 2) {
        fprintf(stderr, "usage: stamp FILE [/path/of/command [argument ...]]\n");
        return 2;
    }
    pid_t pid = 0;
    if (argc > 2) {
        int error = posix_spawn(&pid, argv[2], NULL, NULL, argv + 2, environ);
        if (error != 0) {
            fprintf(stderr, "stamp: cannot start %s: %s\n", argv[2], strerror(error));
            return 1;
        }
    }
    // Only now, so that writing is no part of what is measured.
    FILE *file = fopen(argv[1], "w");
    if (file == NULL) {
        perror(argv[1]);
        return 1;
    }
    fprintf(file, "%lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
    if (fclose(file) != 0) {
        perror(argv[1]);
        return 1;
    }
    if (pid == 0) return 0;
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) return 1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
