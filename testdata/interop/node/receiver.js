// Receives webhooks as an application of express does, with the middleware of npm's twilio. It prints the
// port that it listens on, and then each event that the middleware lets through.
const express = require("express");
const twilio = require("twilio");

const app = express();
app.use(express.urlencoded({ extended: false }));
app.all("/hook", twilio.webhook(process.env.TWILIO_AUTH_TOKEN), (req, res) => {
  const event = req.method === "GET" ? req.query : req.body;
  console.log(event.EventType);
  if (event.EventType === "onConversationRemove") return res.sendStatus(403);
  if (event.EventType === "onConversationAdd") return res.json({ friendly_name: event.FriendlyName + ", checked" });
  res.sendStatus(200);
});
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
