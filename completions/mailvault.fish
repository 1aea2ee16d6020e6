complete --keep-order --exclusive --command mailvault --arguments "(MAILVAULT_COMPLETE=fish mailvault -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
