#!/bin/sh
curl -sS --fail-with-body http://127.0.0.1:8787/v1/chat/completions \
  -H "authorization: Bearer unused" \
  -H "content-type: application/json" \
  -d '{"model": "openpcc-demo", "max_tokens": 100, "messages": [{"role": "user", "content": "Who can read this?"}]}'
