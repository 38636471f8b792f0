// Says of each request on its standard input whether npm's twilio accepts it, and how it would sign it.
const { getExpectedTwilioSignature, validateRequest } = require("twilio/lib/webhooks/webhooks");

const requests = JSON.parse(require("fs").readFileSync(0, "utf8"));
const verdicts = requests.map(({ token, signature, url, params }) => ({
  accepted: validateRequest(token, signature, url, params),
  signature: getExpectedTwilioSignature(token, url, params),
}));
console.log(JSON.stringify(verdicts));
