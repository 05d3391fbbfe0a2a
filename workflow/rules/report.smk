rule plot_figures:
    output: RESULTS/"x"
    shell: "touch {output}"
