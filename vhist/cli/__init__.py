"""What the commands of ``vhist`` do and print; ``vhist.__main__`` dispatches."""
