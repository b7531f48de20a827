// Management: the answer cache.
#include "gateway/api/api.h"
#include "gateway/api/management_json.h"

namespace onecopy::gateway {

Answer cache(Api& api, Exchange& exchange) {
  RETURN_IF_ERROR(check_no_parameters(exchange));
  if (exchange.request.method == "DELETE") {
    api.answers.clear_cache();
    return reply_json(exchange, {{"status", "Cache emptied"}});
  }
  return reply_json(exchange, cache_to_json(api.answers));
}

}  // namespace onecopy::gateway
