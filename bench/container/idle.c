/* The least that a program written in C can be while it waits. */
#include <stdio.h>
#include <unistd.h>

int main(void) {
    puts("hello");
    fflush(stdout);
    return pause();
}
