"""FreeRDP, as it is installed on the machine, by ctypes; runs only in worker processes."""
