"""The checks of the exercises, a file for each lesson: judged by what happens, over many seeds and faults."""
