import sys

COLOURS = [f"\033[{code}m" for code in (31, 32, 33, 34, 35, 36, 91, 92, 94, 95)]
WORDS = ["accepted", "packed", "shipped", "invoiced", "paid", "returned", "archived"]
BATCH = 1000

total = int(get_octopusvariable("Printer.Lines"))


def line(number):
    colour, word = COLOURS[number % len(COLOURS)], WORDS[number % len(WORDS)]
    return f"{colour}{number:08}\033[0m order \033[1mORD-{number * 7919 % 999983:06}\033[0m {word}"


for first in range(1, total + 1, BATCH):
    last = min(first + BATCH - 1, total)
    sys.stdout.write("\n".join(line(number) for number in range(first, last + 1)) + "\n")
    if last % (20 * BATCH) == 0:
        sys.stdout.flush()
        printverbose(f"{last:,} of {total:,} lines are out")
    if last % (50 * BATCH) == 0:
        sys.stdout.flush()
        printwarning(f"A warning after {last:,} lines, so that there is something to find")
sys.stdout.flush()
printhighlight(f"Printed {total:,} lines")
