package oldapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"
)

// answer is the envelope of data, said that of a message.
type answer struct {
	Success bool `json:"success"`
	Data    any  `json:"data"`
}

type said struct {
	Success bool   `json:"success"`
	Message string `json:"message"`
}

// send writes v as one line of JSON, with every character that JSON allows as
// it is.
func send(c echo.Context, status int, v any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	return c.Blob(status, echo.MIMEApplicationJSON, text.Bytes())
}

// reply is how every error of these routes is answered: an old client reads the
// message and knows no problem documents.
func reply(c echo.Context, status int, code string) error {
	return send(c, status, said{false, words(status, code)})
}

func words(status int, code string) string {
	if code == "session_not_found" {
		return "会话不存在"
	}
	switch status {
	case http.StatusUnauthorized:
		return "未登录或令牌无效"
	case http.StatusForbidden:
		return "权限不足"
	case http.StatusNotFound:
		return "接口不存在"
	case http.StatusMethodNotAllowed:
		return "不支持的请求方法"
	case http.StatusRequestEntityTooLarge:
		return "请求体过大"
	case http.StatusTooManyRequests:
		return "请求过于频繁，请稍后再试"
	case http.StatusGatewayTimeout:
		return "处理超时"
	case http.StatusServiceUnavailable:
		return "数据库暂时不可用，请稍后再试"
	case http.StatusInternalServerError:
		return "服务器内部错误"
	}
	return "请求无效"
}
