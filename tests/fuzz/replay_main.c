/* Runs a fuzz target over every file of the folders given: the corpus as a plain test.
 *
 * A crash ends with exit code 1 and the name of the input, whether a sanitizer, an assertion or
 * the processor noticed it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_BYTES_MAX (4u * 1024u * 1024u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static char input_path[4096];

/* Both may run inside a signal handler, so only write(2). */
static void name_input(void) {
    static const char text[] = "input: ";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    (void)!write(STDERR_FILENO, input_path, strlen(input_path));
    (void)!write(STDERR_FILENO, "\n", 1);
}

static void on_crash(int signal_number) {
    (void)signal_number;
    name_input();
    _exit(1);
}

static bool replay_file(void) {
    FILE *file = fopen(input_path, "rb");
    if (file == NULL) {
        perror(input_path);
        return false;
    }
    struct stat info;
    bool fits = fstat(fileno(file), &info) == 0 && info.st_size <= (off_t)INPUT_BYTES_MAX;
    size_t size = fits ? (size_t)info.st_size : 0;
    /* Exactly as large as the input, so that the sanitizer sees the first byte read behind it. */
    uint8_t *data = malloc(size == 0 ? 1 : size);
    bool whole = fits && data != NULL && fread(data, 1, size, file) == size;
    (void)fclose(file);
    if (whole)
        (void)LLVMFuzzerTestOneInput(data, size);
    else
        (void)fprintf(stderr, "%s: cannot be read whole\n", input_path);
    free(data);
    return whole;
}

static bool replay_folder(const char *folder, size_t *count) {
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        perror(folder);
        return false;
    }
    bool good = true;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(input_path, sizeof input_path, "%s/%s", folder, entry->d_name);
        good = replay_file() && good;
        ++*count;
    }
    (void)closedir(dir);
    return good;
}

int main(int argc, char **argv) {
    (void)signal(SIGABRT, on_crash);
    (void)signal(SIGILL, on_crash);
    (void)signal(SIGTRAP, on_crash);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(name_input);

    size_t count = 0;
    bool good = true;
    for (int i = 1; i < argc; i++)
        good = replay_folder(argv[i], &count) && good;
    (void)snprintf(input_path, sizeof input_path, "(empty)");
    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    (void)printf("%zu inputs replayed\n", count);
    return good ? 0 : 1;
}
