"""Pages for people: server-rendered shells, plain ES modules and CSS, no build step and no request to anybody else."""
