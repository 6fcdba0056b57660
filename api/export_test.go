package api

// Routes are the server's own routes, "METHOD /path", for the comparison with
// openapi.yaml.
func Routes() []string {
	var all []string
	for _, rt := range (&server{}).routes() {
		all = append(all, rt.method+" "+rt.path)
	}
	return all
}
