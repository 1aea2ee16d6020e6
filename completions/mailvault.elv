
set edit:completion:arg-completer[mailvault] = { |@words|
    var index = (count $words)
    set index = (- $index 1)

    put (env _CLAP_IFS="\n" _CLAP_COMPLETE_INDEX=(to-string $index) MAILVAULT_COMPLETE="elvish" mailvault -- $@words) | to-lines
}

