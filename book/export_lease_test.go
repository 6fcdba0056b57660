package book

// ErrLeaseLost is what work ends with on a server that has lost the lease.
var ErrLeaseLost = errLeaseLost
