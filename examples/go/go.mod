module wahub-example

go 1.19
