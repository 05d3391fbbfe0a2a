"""What every compiled function uses: the decorator `kernel`, growing arrays, machine instructions."""
