/* warren completion: scripts for shells, made from the command table.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

/* ---- the table as lists ---------------------------------------------------------------- */

static size_t first_len(const char *name) {
    return strcspn(name, " ");
}

/* Is command number index the first with its first word? */
static bool leads(size_t index) {
    const char *name = cli_commands[index].name;
    size_t len = first_len(name);
    for (size_t i = 0; i < index; i++)
        if (first_len(cli_commands[i].name) == len && strncmp(cli_commands[i].name, name, len) == 0)
            return false;
    return true;
}

static bool same_group(const char *a, const char *b) {
    size_t len = first_len(a);
    return first_len(b) == len && strncmp(a, b, len) == 0 && b[len] == ' ';
}

static void first_words(void) {
    for (size_t i = 0; i < cli_command_count; i++)
        if (leads(i))
            printf(" %.*s", (int)first_len(cli_commands[i].name), cli_commands[i].name);
}

static void second_words(const char *name) {
    for (size_t i = 0; i < cli_command_count; i++)
        if (same_group(name, cli_commands[i].name))
            printf(" %s", cli_commands[i].name + first_len(name) + 1);
}

static void option_words(const cli_option *options) {
    for (size_t i = 0; options[i].name; i++)
        printf(" %s", options[i].name);
}

/* The words that stand for themselves among the operands: "bash|zsh|fish", "admin|member". */
static void operand_words(const char *operands) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    for (const char *at = strpbrk(operands, letters); at; at = strpbrk(at, letters)) {
        size_t len = strspn(at, letters);
        printf(" %.*s", (int)len, at);
        at += len;
    }
}

/* ---- bash, which zsh can read, too -------------------------------------------------------- */

static void bash_cases(void) {
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command *command = &cli_commands[i];
        if (leads(i) && strchr(command->name, ' ')) {
            printf("    '%.*s') words='", (int)first_len(command->name), command->name);
            second_words(command->name);
            puts("' ;;");
        }
        printf("    '%s') words='", command->name);
        option_words(command->options);
        operand_words(command->operands);
        puts(" --help --json --quiet' ;;");
    }
}

static void bash_function(void) {
    puts("_warren() {\n"
         "  local word command='' words='' i skip=0\n"
         "  COMPREPLY=()\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    word=${COMP_WORDS[i]}\n"
         "    if [ $skip = 1 ]; then skip=0; continue; fi\n"
         "    case $word in\n"
         "    --home) skip=1 ;;\n"
         "    -*) ;;\n"
         "    *) if [ -z \"$command\" ]; then command=$word\n"
         "       else case \"$command\" in *' '*) ;; *)");
    fputs("         case \"$command\" in", stdout);
    const char *bar = " ";
    for (size_t i = 0; i < cli_command_count; i++)
        if (leads(i) && strchr(cli_commands[i].name, ' ')) {
            printf("%s%.*s", bar, (int)first_len(cli_commands[i].name), cli_commands[i].name);
            bar = "|";
        }
    puts(") command=\"$command $word\" ;; esac ;; esac\n"
         "       fi ;;\n"
         "    esac\n"
         "  done\n"
         "  case $command in");
    fputs("    '') words='", stdout);
    first_words();
    option_words(cli_globals);
    puts("' ;;");
    bash_cases();
    puts("  esac\n"
         "  case ${COMP_WORDS[COMP_CWORD-1]} in\n"
         "    --home) COMPREPLY=($(compgen -d -- \"${COMP_WORDS[COMP_CWORD]}\")); return ;;\n"
         "    --file|--output|--passphrase-file|--words-file)\n"
         "      COMPREPLY=($(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\")); return ;;\n"
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -F _warren warren");
}

/* ---- fish ------------------------------------------------------------------------------------ */

/* Single quotes of fish take a backslash before ' and \. */
static void fish_text(const char *text) {
    putchar('\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('\'');
}

static void fish_condition(const cli_command *command) {
    const char *space = strchr(command->name, ' ');
    printf("complete -c warren -n '__fish_seen_subcommand_from %.*s", (int)first_len(command->name),
           command->name);
    if (space)
        printf("; and __fish_seen_subcommand_from %s", space + 1);
    putchar('\'');
}

static void fish_command(size_t index) {
    const cli_command *command = &cli_commands[index];
    const char *space = strchr(command->name, ' ');
    if (leads(index)) {
        printf("complete -c warren -f -n __fish_use_subcommand -a %.*s",
               (int)first_len(command->name), command->name);
        if (!space) {
            fputs(" -d ", stdout);
            fish_text(command->help);
        }
        putchar('\n');
    }
    if (space) {
        printf("complete -c warren -f -n '__fish_seen_subcommand_from %.*s' -a %s -d ",
               (int)first_len(command->name), command->name, space + 1);
        fish_text(command->help);
        putchar('\n');
    }
    if (strpbrk(command->operands, "|")) {
        fish_condition(command);
        fputs(" -a '", stdout);
        operand_words(command->operands);
        puts("'");
    }
    for (size_t i = 0; command->options[i].name; i++) {
        fish_condition(command);
        printf(" -l %s%s -d ", command->options[i].name + 2,
               command->options[i].value ? " -r" : "");
        fish_text(command->options[i].help);
        putchar('\n');
    }
}

int cmd_completion(cli *c, const cli_args *args) {
    const char *shell = cli_operand(args, 0);
    if (strcmp(shell, "zsh") == 0)
        puts("autoload -U +X bashcompinit && bashcompinit");
    if (strcmp(shell, "bash") == 0 || strcmp(shell, "zsh") == 0) {
        bash_function();
        return CLI_DONE;
    }
    if (strcmp(shell, "fish") != 0)
        return cli_fail(c, WARREN_E_INVALID, "no completion for '%s': bash, zsh or fish", shell);
    for (size_t i = 0; i < cli_command_count; i++)
        fish_command(i);
    return CLI_DONE;
}
