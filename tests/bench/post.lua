-- wrk -s post.lua URL -- FILE: POSTs the same body again and again; the request is made once.
function init(args)
	local file = assert(io.open(args[1], "rb"))
	wrk.method = "POST"
	wrk.headers["Content-Type"] = "application/json"
	wrk.body = file:read("*a")
	file:close()
	request = wrk.format()
	wrk.request = function() return request end
end
