output "role_arn" {
  description = "The ARN to give to cloudigrade; none where the role is made in another region."
  value       = one(aws_iam_role.cloudigrade[*].arn)
}
