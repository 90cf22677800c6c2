"""When it happens: machines, messages in flight, and the programs that follow the rules of core/."""
