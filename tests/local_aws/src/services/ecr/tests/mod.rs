//! What ECR does, request by request.
