# Compiles every C file of the folder SOURCES into the folder where make runs.
FILES = $(wildcard $(SOURCES)/*.c)

all: $(notdir $(FILES:.c=.o))

%.o: $(SOURCES)/%.c
	$(CC) -std=c11 -O2 -c -o $@ $<
