"""工作台: the shell of the officials' pages, 待办, the batch page, the generic step form."""
